"""One call's way through the house: in, decided, on record, to the model, guarded, out, settled."""
