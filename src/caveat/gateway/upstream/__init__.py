"""The way to models' servers: clients, their endpoints, what crosses, permits for a seal, a guard model asked."""
