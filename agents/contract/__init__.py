"""The published contract, generated from the models: JSON Schemas, an AsyncAPI document, and compatibility checks."""
