"""Citations that more than one method shares."""

LONGEMBED = "LongEmbed: Zhu et al. 2024, arXiv:2404.12096"
LONGFORMER = "Longformer: Beltagy et al. 2020, arXiv:2004.05150"
