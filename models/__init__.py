"""The nouns of Twoway: plain types, tables and schemas. Imports nothing of ours from other floors."""
