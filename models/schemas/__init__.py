"""What HTTP accepts and returns: one module a subject. These shapes are a contract with clients, not with the database."""
