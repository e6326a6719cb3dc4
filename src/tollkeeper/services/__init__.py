"""What the edges ask for: accounts, prices, the catalog of models, images, upstream clients, metrics."""
