"""Where each data set is to be had, and where its files are expected under --data-dir."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eideploy.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Source:
    """A published data set: its address, its folder under --data-dir, and the files in it."""

    name: str
    url: str
    folder: str
    files: str
    also: str = ""  # another way to get it, in words before the first

    def locate(self, data_dir: Path | None) -> Path:
        """Return the set's folder.

        Raises:
            DataError: no --data-dir was named, or it holds no such folder.
        """
        if data_dir is None:
            raise self.missing("no folder of data sets was named", where="--data-dir")
        folder = data_dir / self.folder
        if not folder.is_dir():
            raise self.missing("its folder is missing", where=str(folder))
        return folder

    def missing(self, what: str, *, where: str) -> DataError:
        """Return the error that says what is missing, where to get it, and where to put it."""
        return DataError(
            f"{self.name} cannot be read: {what}",
            where=where,
            fix=f"{self.also}get it from {self.url}, unpack it so that the folder named by "
            f"--data-dir holds {self.folder}/ with {self.files}",
        )

    def damaged(self, what: str, path: Path) -> DataError:
        """Return the error of a file that is there but not as published."""
        return DataError(
            what, where=str(path), fix=f"replace the file with that of {self.name} at {self.url}"
        )


_ALL = (
    Source(
        name="mnist",
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
        folder="MNIST/raw",
        files="train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
        "t10k-labels-idx1-ubyte, also as .gz",
    ),
    Source(
        name="fashion-mnist",
        url="https://github.com/zalandoresearch/fashion-mnist",
        folder="FashionMNIST/raw",
        files="train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
        "t10k-labels-idx1-ubyte, also as .gz",
        also="install it on Debian and Ubuntu with apt install dataset-fashion-mnist, and leave "
        "--data-dir out; or ",
    ),
    Source(
        name="cifar10",
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        folder="cifar-10-batches-bin",
        files="data_batch_1.bin to data_batch_5.bin and test_batch.bin",
    ),
    Source(
        name="cifar100",
        url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        folder="cifar-100-binary",
        files="train.bin and test.bin",
    ),
    Source(
        name="tinyimagenet",
        url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        folder="tiny-imagenet-200",
        files="train/<class>/images/*.JPEG, val/images/*.JPEG and val/val_annotations.txt",
    ),
    Source(
        name="dvs-gesture",
        url="https://figshare.com/ndownloader/files/38022171 (ibmGestureTrain.tar.gz) and "
        "https://figshare.com/ndownloader/files/38020584 (ibmGestureTest.tar.gz)",
        folder="DVSGesture",
        files="ibmGestureTrain/user*_*/<class>.npy and ibmGestureTest/user*_*/<class>.npy",
    ),
    Source(
        name="cifar10-dvs",
        url="https://figshare.com/ndownloader/files/38023437 (CIFAR10DVS.zip)",
        folder="CIFAR10DVS",
        files="airplane/*.aedat4 to truck/*.aedat4",
    ),
    Source(
        name="nmnist",
        url="https://www.garrickorchard.com/datasets/n-mnist",
        folder="NMNIST",
        files="Train/<digit>/*.bin and Test/<digit>/*.bin",
    ),
    Source(
        name="shd",
        url="https://zenkelab.org/datasets/ (shd_train.h5.zip and shd_test.h5.zip)",
        folder="SHD",
        files="shd_train.h5 and shd_test.h5",
    ),
)
SOURCES: Mapping[str, Source] = {source.name: source for source in _ALL}
