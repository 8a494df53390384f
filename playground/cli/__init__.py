"""Commands: `token-playground`, and its train, evaluate and publish."""
