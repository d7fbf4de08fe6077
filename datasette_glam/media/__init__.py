"""Pictures: uploads from visitors, and the larger pictures they are shown."""
