"""YAML files: read and checked (`load`), planned (`plan`), described to editors (`schema`)."""
