pytest_plugins = ["tests.services.plugin", "tests.worlds"]
