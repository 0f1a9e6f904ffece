"""The public door of the website's visitors: the snippet that is served, and what it sends."""
