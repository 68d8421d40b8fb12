"""What connects posembed with other libraries; nothing here is imported unless it is used."""
