"""What the integration tests are made of: real phones, attackers and a PBX, each started and ended by its PID."""
