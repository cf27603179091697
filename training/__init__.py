"""How the learned recognizer was trained and measured.  The package never imports this folder."""
