"""Many backtests at once: grids of parameters, batches of simulations, search. Nothing here reads bars itself."""
