"""Videos as files: an MP4 looked at box by box, and the clips that the sandbox hands out."""
