"""The tables and figures of the MetaPerturb paper, one file each."""
