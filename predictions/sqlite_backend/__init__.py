"""The database engine of SQLite: ``DATABASES["default"]["ENGINE"]`` names this package."""
