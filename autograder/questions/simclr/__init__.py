"""Contrastive learning with SimCLR and Barlow Twins (catalogue: ``catalogue.QUESTIONS``)."""
