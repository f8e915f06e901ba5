"""What a treatment changes for each customer: effects learned from a campaign with a control group."""
