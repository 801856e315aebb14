"""What technique files share: layers, masks, factorised layers, quantizers."""
