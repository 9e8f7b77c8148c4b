"""Small models: plain functions over plain parameters."""
