"""Waivers and held calls at the edge: asked for, signed, put on record, used."""
