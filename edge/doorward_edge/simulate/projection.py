"""Where a held card falls in the frame: a pinhole camera looking at a plane."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from doorward_edge.simulate.card import Card, Grey
from doorward_edge.simulate.look import Pose

_FOCAL_WIDTHS = 1.2
"""Focal length as a share of the frame's width: a lens of about 45 degrees."""

_OVERSAMPLE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A projected card, cut to its surroundings.

    Attributes:
        light: the card's reflectance where it is seen.
        cover: 1 where the card hides the background, 0 where it does not.
        left: column of the frame where the patch begins; may be negative.
        top: row of the frame where the patch begins; may be negative.
        code_px: side of the code with its quiet zone in pixels, for distortions that scale.
    """

    light: Grey
    cover: Grey
    left: int
    top: int
    code_px: float


def _rotation(pose: Pose) -> NDArray[np.float64]:
    ax, ay, az = (np.deg2rad(d) for d in (pose.tilt_x_deg, pose.tilt_y_deg, pose.turn_deg))
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(ax), -np.sin(ax)], [0, np.sin(ax), np.cos(ax)]], dtype=np.float64
    )
    about_y = np.array(
        [[np.cos(ay), 0, np.sin(ay)], [0, 1, 0], [-np.sin(ay), 0, np.cos(ay)]], dtype=np.float64
    )
    about_z = np.array(
        [[np.cos(az), -np.sin(az), 0], [np.sin(az), np.cos(az), 0], [0, 0, 1]], dtype=np.float64
    )
    return np.asarray(about_z @ about_y @ about_x, dtype=np.float64)


def homography(card: Card, pose: Pose, frame_size: tuple[int, int]) -> NDArray[np.float64]:
    """Returns the 3x3 map from pixels of the card's texture to pixels of the frame."""
    width, height = frame_size
    focal = _FOCAL_WIDTHS * width
    tex_height, tex_width = card.texture.shape
    middle = np.array(
        [[1, 0, -(tex_width - 1) / 2], [0, 1, -(tex_height - 1) / 2], [0, 0, card.scale_px]],
        dtype=np.float64,
    )
    rotation = _rotation(pose)
    distance = np.array([0.0, 0.0, focal / pose.module_px])
    placed = np.column_stack([rotation[:, 0], rotation[:, 1], distance])
    lens = np.array(
        [[focal, 0, pose.center_x * width], [0, focal, pose.center_y * height], [0, 0, 1]],
        dtype=np.float64,
    )
    return np.asarray(lens @ placed @ middle, dtype=np.float64)


def project(card: Card, pose: Pose, frame_size: tuple[int, int], margin_px: int) -> Patch:
    """Warps the card into the frame with anti-aliasing and cuts it out with a margin."""
    to_frame = homography(card, pose, frame_size)
    tex_height, tex_width = card.texture.shape
    outline = np.array(
        [[[0, 0], [tex_width, 0], [tex_width, tex_height], [0, tex_height]]], dtype=np.float64
    )
    corners = cv2.perspectiveTransform(outline, to_frame)[0]
    left, top = (int(v) - margin_px for v in np.floor(corners.min(axis=0)))
    right, bottom = (int(v) + margin_px for v in np.ceil(corners.max(axis=0)))
    # A card held against the lens would make a patch of any size: what is far outside is not seen.
    left, top = max(left, -frame_size[0]), max(top, -frame_size[1])
    right, bottom = min(right, 2 * frame_size[0]), min(bottom, 2 * frame_size[1])
    size = (max(1, right - left), max(1, bottom - top))
    fine = (size[0] * _OVERSAMPLE, size[1] * _OVERSAMPLE)
    shift = np.array(
        [
            [_OVERSAMPLE, 0, -left * _OVERSAMPLE],
            [0, _OVERSAMPLE, -top * _OVERSAMPLE],
            [0, 0, 1],
        ],
        dtype=np.float64,
    )
    both = cv2.merge([card.texture, np.ones_like(card.texture)])
    warped = cv2.warpPerspective(both, shift @ to_frame, fine, flags=cv2.INTER_LINEAR)
    light, cover = cv2.split(cv2.resize(warped, size, interpolation=cv2.INTER_AREA))
    return Patch(
        light=np.asarray(light, dtype=np.float32),
        cover=np.asarray(cover, dtype=np.float32),
        left=left,
        top=top,
        code_px=float(np.linalg.norm(corners[1] - corners[0])),
    )
