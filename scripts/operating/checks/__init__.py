"""What must stay true of the production compose file. A module each for what is read, and for what is held."""
