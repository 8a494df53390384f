"""How people meet the playground: routes, page, and the player in the browser."""
