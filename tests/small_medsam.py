"""A small random model of the architecture of MedSAM."""

from typing import Any

import torch

from napari_attnseg.models.timm_in_parts import import_cured

SIDE = 64  # MedSAM's is 1024


def small_sam() -> Any:
    """A SAM of 0.1 M random parameters that tells boxes apart."""
    import_cured("torchvision")  # as `medsam.load_sam` does
    from transformers import SamConfig, SamModel

    torch.manual_seed(0)
    config = SamConfig(
        vision_config={
            **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
            **{"image_size": SIDE, "patch_size": 4, "output_channels": 32},
            **{"window_size": 4, "global_attn_indexes": [1], "num_pos_feats": 16},
            **{"mlp_dim": 32, "initializer_range": 0.2},
        },
        prompt_encoder_config={
            **{"hidden_size": 32, "image_size": SIDE, "patch_size": 4},
            "mask_input_channels": 4,
        },
        mask_decoder_config={
            **{"hidden_size": 32, "mlp_dim": 32, "num_hidden_layers": 1},
            **{"num_attention_heads": 2, "iou_head_hidden_dim": 16},
        },
    )
    model = SamModel(config)
    for parameter in model.mask_decoder.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return model
