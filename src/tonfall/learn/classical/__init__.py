"""Classical models: functionals and a classifier of scikit-learn, measured, trained, shipped."""
