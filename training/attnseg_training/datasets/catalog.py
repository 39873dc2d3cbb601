"""All known data sets by name, as data. No images are distributed."""

from __future__ import annotations

from attnseg_training.datasets.spec import Archive, DatasetSpec, Layout, Part

_PROVIDER = "see the provider"
_PAIRS = Layout(
    "images and masks",
    "images/ and masks/ with files of the same name; optionally splits/*.txt",
)
_BINARY = "bright is foreground: 0/1, 0/255, palette, or JPEG above 127"
_CARVED = "no official split; a tenth of all is validation, seeded"
_PRANET = (
    "PraNet's: train is TrainDataset/, a seeded tenth of it validation; "
    "test is TestDataset/"
)
_PRANET_CITATION = "Fan et al., PraNet, MICCAI 2020"


def _pranet(folder: str, training: str = "") -> Layout:
    """The benchmark that PraNet's authors distribute: two trees for five data sets.

    Its training images of two data sets lie in one folder and differ by their names.
    """
    test = Part(
        rf"TestDataset/{folder}/images?/([^/]+)\.\w+",
        rf"TestDataset/{folder}/masks?/([^/]+)\.\w+",
        "test",
    )
    where = f"TestDataset/{folder}/images/ and masks/"
    if not training:
        return Layout("PraNet test set", where, (test,))
    train = Part(
        rf"TrainDataset/images?/({training})\.\w+",
        rf"TrainDataset/masks?/({training})\.\w+",
        "train",
    )
    return Layout(
        "PraNet split", f"TrainDataset/image/ and mask/; {where}", (train, test)
    )


DATASETS: dict[str, DatasetSpec] = {
    "kvasir-seg": DatasetSpec(
        title="Kvasir-SEG, 1000 polyp images",
        licence="research and educational use, cite the paper; else see the provider",
        citation="Jha et al., Kvasir-SEG: A Segmented Polyp Dataset, MMM 2020, 451–462",
        url="https://datasets.simula.no/kvasir-seg/",
        layouts=(
            Layout(
                "original or resized",
                "images/ and masks/ (.jpg or .png) of the same names; the official "
                "train.txt and val.txt in splits/",
            ),
            _pranet("Kvasir", "cju[^/]+"),
        ),
        classes=("polyp",),
        splits=f"official 880/120: the 120 are test, a seeded tenth of the 880 is "
        f"validation; or {_PRANET} (900/100)",
        masks=_BINARY,
    ),
    "hyperkvasir": DatasetSpec(
        title="HyperKvasir, its 1000 segmented polyp images",
        licence="CC BY 4.0; its authors ask for a written permission for commercial "
        "use and competitions",
        citation="Borgli et al., HyperKvasir, a comprehensive multi-class image and "
        "video dataset for gastrointestinal endoscopy, Scientific Data 7, 2020, 283",
        url="https://datasets.simula.no/hyper-kvasir/",
        layouts=(_PAIRS,),
        classes=("polyp",),
        splits=f"{_CARVED}; these are the images of Kvasir-SEG, so weights that were "
        "trained on that have seen most of them: no test set for the bundled ones",
        masks=_BINARY,
        images_of="kvasir-seg",
        # Its authors publish no checksum. Size and SHA-256 are those that others wrote
        # down of their copies in August 2026; it was never downloaded from here.
        archive=Archive(
            url="https://datasets.simula.no/downloads/hyper-kvasir/"
            "hyper-kvasir-segmented-images.zip",
            sha256="4463011f991dcdc74ec56399788b1a93822593f17ed18a662bdeb7392ffcdd9a",
            mb=46,
            root="segmented-images",
        ),
    ),
    "cvc-clinicdb": DatasetSpec(
        title="CVC-ClinicDB (CVC-612), 612 frames of 29 colonoscopy sequences",
        licence=_PROVIDER,
        citation="Bernal et al., WM-DOVA maps for accurate polyp highlighting in "
        "colonoscopy, Computerized Medical Imaging and Graphics 43, 2015, 99–111",
        url="https://polyp.grand-challenge.org/CVCClinicDB/",
        layouts=(
            Layout(
                "original",
                "Original/ and Ground Truth/ (.tif or .png) of the same names",
                (
                    Part(
                        r"Original/([^/]+)\.(?:tiff?|png)",
                        r"Ground Truth/([^/]+)\.(?:tiff?|png)",
                    ),
                ),
            ),
            _PAIRS,
            _pranet("CVC-ClinicDB", r"\d+"),
        ),
        classes=("polyp",),
        splits=f"{_CARVED}; frames of one sequence are much alike, so list whole "
        f"sequences in splits/ for an honest number; or {_PRANET} (550/62, frames of "
        "one sequence on both sides)",
        masks=_BINARY,
    ),
    "cvc-colondb": DatasetSpec(
        title="CVC-ColonDB, 380 polyp frames",
        licence=_PROVIDER,
        citation="Tajbakhsh et al., Automated polyp detection in colonoscopy videos "
        f"using shape and context information, IEEE TMI 35, 2016; {_PRANET_CITATION}",
        url="https://github.com/DengPingFan/PraNet",
        layouts=(_PAIRS, _pranet("CVC-ColonDB")),
        classes=("polyp",),
        splits="PraNet's test set; nothing to train on",
        masks=_BINARY,
    ),
    "cvc-300": DatasetSpec(
        title="CVC-300, the 60 test frames of CVC-EndoSceneStill that PraNet uses",
        licence=_PROVIDER,
        citation="Vázquez et al., A Benchmark for Endoluminal Scene Segmentation of "
        "Colonoscopy Images, Journal of Healthcare Engineering 2017; "
        f"{_PRANET_CITATION}",
        url="https://github.com/DengPingFan/PraNet",
        layouts=(_PAIRS, _pranet("CVC-300")),
        classes=("polyp",),
        splits="PraNet's test set; nothing to train on",
        masks=_BINARY,
    ),
    "etis": DatasetSpec(
        title="ETIS-LaribPolypDB, 196 polyp frames",
        licence=_PROVIDER,
        citation="Silva et al., Toward embedded detection of polyps in WCE images for "
        "early diagnosis of colorectal cancer, IJCARS 9, 2014, 283–293",
        url="https://polyp.grand-challenge.org/EtisLarib/",
        layouts=(_PAIRS, _pranet("ETIS-LaribPolypDB")),
        classes=("polyp",),
        splits="PraNet's test set; nothing to train on",
        masks=_BINARY,
    ),
    "busi": DatasetSpec(
        title="BUSI, 780 breast ultrasound images",
        licence=_PROVIDER,
        citation="Al-Dhabyani et al., Dataset of breast ultrasound images, Data in "
        "Brief 28, 2020, 104863",
        url="https://scholar.cu.edu.eg/?q=afahmy/pages/dataset",
        layouts=(
            Layout(
                "original",
                "benign/, malignant/ and normal/ with 'benign (1).png', its 'benign "
                "(1)_mask.png' and, for further lesions, 'benign (1)_mask_1.png' …",
                (
                    Part(
                        r"(?:benign|malignant|normal)/(\w+ \(\d+\))\.png",
                        r"(?:benign|malignant|normal)/(\w+ \(\d+\))_mask\w*\.png",
                    ),
                ),
            ),
            _PAIRS,
        ),
        classes=("lesion",),
        splits=f"{_CARVED}; it is known to hold duplicates, see `attnseg-train check`",
        masks=f"{_BINARY}; all masks of an image together; those of normal are empty",
        empty_masks=True,
    ),
    "camus": DatasetSpec(
        title="CAMUS, echocardiograms of 500 patients, two views, two instants",
        licence=_PROVIDER,
        citation="Leclerc et al., Deep Learning for Segmentation using an Open "
        "Large-Scale Dataset in 2D Echocardiography, IEEE TMI 38, 2019, 2198–2210",
        url="https://www.creatis.insa-lyon.fr/Challenge/camus/",
        layouts=(
            Layout(
                "NIfTI",
                "database_nifti/patient0001/patient0001_2CH_ED.nii.gz and "
                "…_2CH_ED_gt.nii.gz; optionally database_split/subgroup_*.txt",
                (
                    Part(
                        r"database_nifti/\w+/(patient\d+_[24]CH_E[DS])\.nii(?:\.gz)?",
                        r"database_nifti/\w+/"
                        r"(patient\d+_[24]CH_E[DS])_gt\.nii(?:\.gz)?",
                    ),
                ),
                (
                    ("train", "database_split/subgroup_training.txt"),
                    ("val", "database_split/subgroup_validation.txt"),
                    ("test", "database_split/subgroup_testing.txt"),
                ),
            ),
            Layout(
                "PNG",
                "images/ and masks/ (.png, mask values 0 to 3) and a dataset.toml with "
                'name = "camus"',
            ),
        ),
        classes=("left ventricle", "myocardium", "left atrium"),
        splits="database_split/ where it is there, else a tenth of the patients is "
        "validation, seeded; a patient's images stay together",
        masks="label values: 1 left ventricle (its inside), 2 myocardium, 3 left "
        "atrium",
        values=(1, 2, 3),
        group=r"patient\d+",
    ),
    "drive": DatasetSpec(
        title="DRIVE, 40 fundus photographs with their vessels",
        licence="research and educational use, no redistribution; see the provider",
        citation="Staal et al., Ridge-based vessel segmentation in color images of the "
        "retina, IEEE TMI 23, 2004, 501–509",
        url="https://drive.grand-challenge.org/",
        layouts=(
            Layout(
                "original",
                "training/images/21_training.tif with training/1st_manual/"
                "21_manual1.gif; the same below test/ where its masks are known",
                (
                    Part(
                        r"training/images/(\d+)_training\.\w+",
                        r"training/1st_manual/(\d+)_manual1\.\w+",
                        "train",
                    ),
                    Part(
                        r"test/images/(\d+)_test\.\w+",
                        r"test/1st_manual/(\d+)_manual1\.\w+",
                        "test",
                    ),
                ),
            ),
            _PAIRS,
        ),
        classes=("vessel",),
        splits="official 20/20; a seeded tenth of the training images is validation; "
        "a download without masks of the test images has no test set",
        masks=f"{_BINARY}; the first observer's; the field of view is not used",
    ),
    "folder": DatasetSpec(
        title="Any folder of images and masks",
        licence="yours",
        citation="–",
        url="",
        layouts=(_PAIRS,),
        classes=("lesion",),
        splits="splits/*.txt, one name per line; else a seeded tenth is validation",
        masks=f"{_BINARY}. Several classes, other names and other lists of splits "
        "through dataset.toml: name, classes, splits",
    ),
}
