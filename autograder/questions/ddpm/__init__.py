"""Questions of the DDPM assignment: schedules, noising, one reverse step, loss, training and sampling, guidance."""
