"""A user's own documents, queries and judgments, in the layout of the BEIR benchmark."""
