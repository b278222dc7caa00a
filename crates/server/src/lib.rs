//! The door of Cloakroom: HTTP, configuration and the command line.
