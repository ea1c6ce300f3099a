//! Remote names to local names and back (design N1–N5).
