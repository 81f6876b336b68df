"""Bills of materials: what is in each thing that ships."""
