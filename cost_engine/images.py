"""Cost of images from diffusion models: FLOPs, memory, time and money for each image.

Pure arithmetic on floats or arrays. The models' FLOPs per step, the share of the peak that is
reached, and prices come in as arguments.
"""

from __future__ import annotations

from cost_engine.units import SECONDS_PER_HOUR, Number, fraction, non_negative, positive, unwrapped

IMAGES_PER_PRICE = 1000.0
"""Images that a price is quoted for. [1]"""


def image_flops(
    step_flops: Number,
    steps: Number,
    decoder_flops: Number = 0.0,
    is_guided: Number = False,
    encoder_flops: Number = 0.0,
) -> Number:
    """Return the FLOPs of one image.

    Parameters
    ----------
    step_flops : float or array
        One pass of the denoiser at the image's resolution. [FLOP]
    steps : float or array
        Denoising steps. [1]
    decoder_flops, encoder_flops : float or array
        From latent to pixels; reading the prompt. [FLOP]
    is_guided : bool or array
        Classifier-free guidance passes the denoiser twice a step; guidance-distilled models
        (FLUX) do not.

    Returns
    -------
    float or array
        [FLOP / image]

    Examples
    --------
    SDXL at 1024 x 1024, 20 guided steps as in MLPerf.

    >>> round(image_flops(5.979e12, 20, 9.9e12, is_guided=True) / 1e12)
    249
    """
    passes = positive("steps", steps) * (1 + unwrapped(is_guided) * 1)
    return (
        positive("step_flops", step_flops) * passes
        + non_negative("decoder_flops", decoder_flops)
        + non_negative("encoder_flops", encoder_flops)
    )


def images_per_second(
    flops_per_image: Number, flops_per_second: Number, utilisation_fraction: Number
) -> Number:
    """Return the throughput of one GPU with full batches. Image models are bound by compute.

    Parameters
    ----------
    flops_per_image : float or array
        [FLOP]
    flops_per_second : float or array
        Dense 16-bit peak. [FLOP / s]
    utilisation_fraction : float or array
        Of that peak. [1]

    Returns
    -------
    float or array
        [image / (s GPU)]

    Examples
    --------
    >>> round(images_per_second(249e12, 362e12, 0.48), 2)
    0.7
    """
    return (
        positive("flops_per_second", flops_per_second)
        * fraction("utilisation_fraction", utilisation_fraction)
        / positive("flops_per_image", flops_per_image)
    )


def usd_per_1k_images(
    usd_per_gpu_hour: Number,
    images_per_second_per_gpu: Number,
    fleet_utilisation_fraction: Number = 1.0,
) -> Number:
    """Return the rental cost of a thousand images.

    Parameters
    ----------
    usd_per_gpu_hour : float or array
        [USD / (GPU h)]
    images_per_second_per_gpu : float or array
        [image / (s GPU)]
    fleet_utilisation_fraction : float or array
        Mean over peak demand. [1]

    Returns
    -------
    float or array
        [USD / 10^3 image]

    Examples
    --------
    >>> round(usd_per_1k_images(0.80, 0.69), 3)
    0.322
    """
    per_hour = positive("images_per_second_per_gpu", images_per_second_per_gpu) * SECONDS_PER_HOUR
    return (
        positive("usd_per_gpu_hour", usd_per_gpu_hour)
        / per_hour
        * IMAGES_PER_PRICE
        / fraction("fleet_utilisation_fraction", fleet_utilisation_fraction)
    )


def reached_fraction(
    images_per_second_per_gpu: Number, flops_per_image: Number, flops_per_second: Number
) -> Number:
    """Return the share of the peak that a measured speed reaches.

    Parameters
    ----------
    images_per_second_per_gpu : float or array
        [image / (s GPU)]
    flops_per_image : float or array
        [FLOP]
    flops_per_second : float or array
        Dense 16-bit peak. [FLOP / s]

    Returns
    -------
    float or array
        [1]

    Examples
    --------
    >>> round(reached_fraction(0.70, 249e12, 362e12), 2)
    0.48
    """
    return (
        positive("images_per_second_per_gpu", images_per_second_per_gpu)
        * positive("flops_per_image", flops_per_image)
        / positive("flops_per_second", flops_per_second)
    )
