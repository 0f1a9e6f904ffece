"""Work on many leads: files that are imported, and one thing done to a whole set.

Orders stand in the database until they are carried out, by whichever process of the API comes by; a power cut costs at
most the repetition of what had not been counted, and nothing that people would see twice.
"""
