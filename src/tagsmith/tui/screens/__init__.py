"""One module per screen. A screen shows what the app hands it and holds no reader, no client and no thread."""
