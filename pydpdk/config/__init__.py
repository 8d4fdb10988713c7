"""YAML files: read and check them (`load`), plan them (`plan`), JSON Schema (`schema`)."""
