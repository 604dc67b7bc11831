"""credential_issuing: decides who has earned which credential, signs it, and says whether it still holds."""
