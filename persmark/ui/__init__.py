"""What a person sees: the frame, state, cache, charts, tables and cards of the pages."""
