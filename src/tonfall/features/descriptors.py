"""What each descriptor is: its unit, its definition, where the definition comes from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DESCRIPTORS", "Descriptor"]

_EGEMAPS = "Eyben et al. 2016, eGeMAPSv02"
_OURS = "Tonfall"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A contour, or a number of a whole stretch.

    Attributes:
        name: of its column.
        unit: "" where it has none.
        definition: in a line.
        source: who defined it.
    """

    name: str
    unit: str
    definition: str
    source: str


_ALL = (
    Descriptor("Loudness_sma3", "", "mean of the compressed auditory spectrum", "Hermansky 1990"),
    Descriptor("alphaRatio_sma3", "dB", "energy of 1 to 5 kHz over that below 1 kHz", _EGEMAPS),
    Descriptor(
        "hammarbergIndex_sma3",
        "dB",
        "strongest bin below 2 kHz over strongest of 2 to 5 kHz",
        "Hammarberg 1980",
    ),
    Descriptor("slope0-500_sma3", "dB/Hz", "slope of log power from 0 to 500 Hz", _EGEMAPS),
    Descriptor("slope500-1500_sma3", "dB/Hz", "slope of log power from 0.5 to 1.5 kHz", _EGEMAPS),
    Descriptor("spectralFlux_sma3", "", "change of the spectrum since the frame before", _EGEMAPS),
    *(
        Descriptor(f"mfcc{number}_sma3", "", f"cepstral coefficient {number} as in HTK", _EGEMAPS)
        for number in (1, 2, 3, 4)
    ),
    Descriptor(
        "F0semitoneFrom27.5Hz_sma3nz",
        "semitones",
        "pitch by subharmonic summation, above 27.5 Hz",
        "Hermes 1988",
    ),
    Descriptor("jitterLocal_sma3nz", "share", "difference of periods over their mean", _EGEMAPS),
    Descriptor("shimmerLocaldB_sma3nz", "dB", "difference of successive amplitudes", _EGEMAPS),
    Descriptor("HNRdBACF_sma3nz", "dB", "harmonics to noise by autocorrelation", "Boersma 1993"),
    Descriptor("logRelF0-H1-H2_sma3nz", "dB", "second harmonic over third", _EGEMAPS),
    Descriptor("logRelF0-H1-A3_sma3nz", "dB", "second harmonic over third formant", _EGEMAPS),
    *(
        each
        for number in (1, 2, 3)
        for each in (
            Descriptor(f"F{number}frequency_sma3nz", "Hz", f"formant {number} by LPC", _EGEMAPS),
            Descriptor(f"F{number}bandwidth_sma3nz", "Hz", f"width of formant {number}", _EGEMAPS),
            Descriptor(
                f"F{number}amplitudeLogRelF0_sma3nz",
                "dB",
                f"strongest harmonic near formant {number} over the fundamental",
                _EGEMAPS,
            ),
        )
    ),
    Descriptor(
        "loudnessPeaksPerSec",
        "1/s",
        "peaks of loudness that stand out by a tenth of its range",
        _EGEMAPS,
    ),
    Descriptor("VoicedSegmentsPerSec", "1/s", "stretches of voice", _EGEMAPS),
    *(
        each
        for kind, column in (
            ("voice", "VoicedSegmentLengthSec"),
            ("no voice", "UnvoicedSegmentLength"),
        )
        for each in (
            Descriptor(f"Mean{column}", "s", f"mean length of stretches of {kind}", _EGEMAPS),
            Descriptor(f"Stddev{column}", "s", "deviation of their lengths", _EGEMAPS),
        )
    ),
    Descriptor("equivalentSoundLevel_dBp", "dB", "mean power below full scale", _EGEMAPS),
    Descriptor("pitch_hz", "Hz", "pitch by subharmonic summation", "Hermes 1988"),
    Descriptor("pitch_semitones", "semitones", "the same above 27.5 Hz", "Hermes 1988"),
    Descriptor("voicing", "", "peak of the subharmonic sum over its mean; voice from 0.7", _OURS),
    Descriptor("loudness", "", "mean of the compressed auditory spectrum", "Hermansky 1990"),
    Descriptor("level_db", "dB", "power of a 20 ms frame's spectrum", _OURS),
    Descriptor(
        "loudness_peaks_per_s",
        "1/s",
        "peaks of loudness that stand out by a tenth of its range",
        _EGEMAPS,
    ),
    Descriptor("voiced_segments_per_s", "1/s", "stretches of voice", _EGEMAPS),
    Descriptor("voiced_length_s", "s", "mean length of stretches of voice", _EGEMAPS),
    Descriptor("unvoiced_length_s", "s", "mean length of stretches of no voice", _EGEMAPS),
    Descriptor("voiced_share", "share", "frames with a voice, of all", _OURS),
    Descriptor(
        "syllables_per_s",
        "1/s",
        "voiced peaks of loudness that dips of 2 dB part",
        "De Jong & Wempe 2009",
    ),
    Descriptor("pauses_per_s", "1/s", "silences of at least 0.2 s inside speech", _OURS),
    Descriptor("pause_length_s", "s", "their mean length", _OURS),
    Descriptor("centroid_hz", "Hz", "mean frequency, weighted by magnitude", _OURS),
    Descriptor("roll_off_hz", "Hz", "below it lies 85 % of the magnitude", _OURS),
    Descriptor("flux", "", "change of the spectrum since the frame before", _EGEMAPS),
    Descriptor("slope_0_500_db_per_hz", "dB/Hz", "slope of log power to 500 Hz", _EGEMAPS),
    Descriptor("slope_500_1500_db_per_hz", "dB/Hz", "slope from 0.5 to 1.5 kHz", _EGEMAPS),
    Descriptor("alpha_ratio_db", "dB", "energy of 1 to 5 kHz over that below", _EGEMAPS),
    Descriptor("hammarberg_index_db", "dB", "peak below 2 kHz over that above", "Hammarberg 1980"),
    *(
        each
        for number in (1, 2, 3)
        for each in (
            Descriptor(f"formant_{number}_frequency_hz", "Hz", f"formant {number}", "Burg, Praat"),
            Descriptor(f"formant_{number}_bandwidth_hz", "Hz", "its width at -3 dB", "Burg, Praat"),
        )
    ),
    *(
        Descriptor(f"{kind}{number}", unit, f"{what} {number}", source)
        for kind, unit, what, source in (
            ("mfcc", "", "cepstral coefficient", "Davis & Mermelstein 1980"),
            ("delta", "per frame", "slope of coefficient", "Furui 1986"),
            ("delta_delta", "per frame", "change of slope of coefficient", "Furui 1986"),
        )
        for number in range(13)
    ),
)

DESCRIPTORS = {each.name: each for each in _ALL}
"""Every contour of every set, and what is no statistic of one, by name."""
