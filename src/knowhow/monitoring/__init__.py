"""Live answers watched: figures, drift, health, alerts and traces; what is kept holds no text of questions or answers."""
