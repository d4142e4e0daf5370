"""The working parts of each page: its controls, its request, its cached call, what it draws."""
