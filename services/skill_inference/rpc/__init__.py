"""The gRPC door of skill_inference."""
