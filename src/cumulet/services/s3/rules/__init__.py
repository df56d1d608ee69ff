"""Checks that S3's model cannot express, in S3's words."""
