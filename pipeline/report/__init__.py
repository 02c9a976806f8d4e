"""The pipeline's report: what φ brought, with plots, in one HTML file."""
