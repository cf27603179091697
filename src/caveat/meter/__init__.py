"""What a seal signs: a ticket for each call that it counted, and beats that say how far it has counted."""
