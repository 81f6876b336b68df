"""What the operator's scripts share: docs/operations/playbook.md says what each is for."""
