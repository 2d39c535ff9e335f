"""JupyterLab with the broker, the doctor, and the attendee's copies of the notebooks."""
