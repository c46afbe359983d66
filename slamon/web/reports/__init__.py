"""Reports as pages and spreadsheets."""
