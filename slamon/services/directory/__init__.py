"""Organizations, sites, people and projects, and who of them is told what."""
