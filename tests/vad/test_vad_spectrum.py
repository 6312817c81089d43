import numpy as np

from tonfall.vad.spectrum import spectra, windows_of


def test_windows_are_chunks_with_the_64_samples_before() -> None:
    samples = np.arange(64 + 3 * 512, dtype=np.float32)
    expected = np.stack([samples[512 * chunk : 512 * chunk + 576] for chunk in range(3)])
    np.testing.assert_array_equal(windows_of(samples), expected)


def test_spectra_are_those_of_the_definition() -> None:
    window = np.random.default_rng(0).normal(size=576)
    padded = np.concatenate([window, window[-2:-66:-1]])
    hann = np.sin(np.pi * np.arange(256) / 256) ** 2
    turns = np.exp(-2j * np.pi * np.outer(np.arange(129), np.arange(256)) / 256)
    frames = [padded[start : start + 256] * hann for start in (0, 128, 256, 384)]
    expected = np.concatenate([np.abs(turns @ frame) for frame in frames])
    found = spectra(window[None].astype(np.float32))
    # Float32 transforms of values up to 40.
    np.testing.assert_allclose(found[0], expected, atol=2e-5)


def test_many_spectra_are_each_what_one_is() -> None:
    windows = np.random.default_rng(1).normal(size=(700, 576)).astype(np.float32)
    one_by_one = np.concatenate([spectra(window[None]) for window in windows[::50]])
    np.testing.assert_array_equal(spectra(windows)[::50], one_by_one)
