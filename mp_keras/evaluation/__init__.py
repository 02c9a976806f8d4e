"""Monte Carlo prediction and calibration (section 4, appendix A)."""
