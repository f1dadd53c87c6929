"""Pure rules of the controller: no database, no clock, no network."""
